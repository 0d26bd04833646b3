"""Marks on images against true lesions: free-response curves and figures of merit. Knows no case table and no protocol."""

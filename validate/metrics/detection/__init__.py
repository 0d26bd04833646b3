"""What is said of marks and lesions over all cases."""

"""The run's resampling stream, for what an analysis resamples itself: the very replicates behind the estimates."""

from __future__ import annotations

from validate.analyses.analysis import Evidence
from validate.analyses.rows import ModelRows
from validate.stats.resample import ClusterWeights, resampling_key

MOST_REPLICATES = 2000  # of curves and differences; more serve the limits of an endpoint, and cost memory here


def cluster_weights(evidence: Evidence, rows: ModelRows) -> ClusterWeights:
    """Weights of every cluster of the table, whether or not its rows are kept."""
    return ClusterWeights(
        clusters=int(rows.cluster.max()) + 1,
        replicates=min(evidence.protocol.resampling.replicates, MOST_REPLICATES),
        key=resampling_key(evidence.protocol.seed, evidence.cohort_digest),
    )

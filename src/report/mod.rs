//! Text tables, plots.

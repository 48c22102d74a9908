//! Tables of the recorded stores and tables made here, whole and damaged.


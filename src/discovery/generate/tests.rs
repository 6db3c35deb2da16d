//! Generation from variables.

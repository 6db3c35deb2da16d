//! The only unsafe code: fork, identity, inherited descriptors, socket options.

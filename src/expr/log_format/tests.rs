//! The table test of the aliases, and what format strings do at their edges. Expected texts were seen on HAProxy 2.8.

//! Integration tests of the advisory database and of version orders.

mod versions;

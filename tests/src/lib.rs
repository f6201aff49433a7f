//! The binary, driven from outside: what the end-to-end tests share.

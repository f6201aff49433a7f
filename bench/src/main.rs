//! Load over raw sockets, and one table of figures.

fn main() {}

module certwright.dev/bench

go 1.19

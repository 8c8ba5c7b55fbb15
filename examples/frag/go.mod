module gospan.example/frag

go 1.19

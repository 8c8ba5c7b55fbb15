module gospan.example/programs

go 1.19

require gospan.example/frag v0.0.0

replace gospan.example/frag => ../../examples/frag

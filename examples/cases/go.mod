module gospan.example/cases

go 1.19

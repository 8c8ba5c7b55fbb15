module gospan.example/lab

go 1.19

module ossplit.example/judges/judge

go 1.19

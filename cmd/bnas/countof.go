package main

import htmlreport "bnas.example/report"

// countOf writes a whole number of things, as the pages do: 1 epoch, 2 epochs.
func countOf(n any, what string) string { return htmlreport.Counted(n, what) }

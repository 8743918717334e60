// A module of its own: it uses bnas as any other module would.
module example.com/library

go 1.26.0

require bnas.example v0.0.0

replace bnas.example => ../..

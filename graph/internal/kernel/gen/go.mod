// The generators of the kernels' assembly have a module of their own, so that whoever
// imports tapenet does not get what they need.
module tapenet/graph/internal/kernel/gen

go 1.26.0

require github.com/mmcloughlin/avo v0.5.0

require (
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
)

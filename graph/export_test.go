package graph

// Unplanned gives every value of a graph memory of its own.
func Unplanned(o Options) Options {
	o.unplanned = true
	return o
}

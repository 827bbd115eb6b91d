package graph

// Unplanned gives every value of a graph memory of its own.
func Unplanned(o Options) Options {
	o.unplanned = true
	return o
}

// Planes makes all images of a graph planes.
func Planes(o Options) Options {
	o.noLayout = true
	return o
}

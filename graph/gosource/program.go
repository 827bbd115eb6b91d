package gosource

// program are the files of Options.Package "" besides the network.
func (o Options) program() []File { return nil }

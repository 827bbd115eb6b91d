package raster

import "embed"

// Source holds the files of this package that do the work.
//
//go:embed colour.go resize.go strokes.go
var Source embed.FS

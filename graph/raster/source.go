package raster

import "embed"

// Source holds the files of this package that do the work.
//
//go:embed decode.go draw.go jpeg.go normalise.go orient.go preprocess.go region.go resize.go rows.go strokes.go
var Source embed.FS

// Package decode reads files of pictures: what package raster reads, PNG, JPEG and
// GIF, and WebP, BMP and TIFF by golang.org/x/image.
package decode

import (
	"fmt"
	"image"
	"io"
	"path"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"tapenet/graph/raster"
)

var further = []raster.Format{
	{Name: "WebP", Config: webp.DecodeConfig, Decode: webp.Decode},
	{Name: "BMP", Config: bmp.DecodeConfig, Decode: bmp.Decode},
	{Name: "TIFF", Config: tiff.DecodeConfig, Decode: tiff.Decode},
}

// Kinds are the formats that are read, for messages.
const Kinds = "PNG, JPEG, GIF, WebP, BMP or TIFF"

// Endings are what the names of pictures end in, in lower case. What a file holds counts
// more, see raster.Kind.
var Endings = []string{".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp", ".tif", ".tiff"}

// Named reports whether a file's name ends as that of a picture.
func Named(file string) bool {
	return slices.Contains(Endings, strings.ToLower(path.Ext(file)))
}

// Decoder reads all those formats, pictures of at most maxPixels; 0 means
// raster.MaxPixels.
func Decoder(maxPixels int) raster.Decoder {
	return raster.Decoder{MaxPixels: maxPixels, Further: further}
}

// Read reads a file to its end and unpacks its picture.
func Read(r io.Reader, maxPixels int) (image.Image, error) {
	file, err := io.ReadAll(io.LimitReader(r, raster.MaxFile+1))
	if err != nil {
		return nil, err
	}
	if len(file) > raster.MaxFile {
		return nil, fmt.Errorf("a file of more than %d bytes, want fewer", raster.MaxFile)
	}
	return Decoder(maxPixels).Decode(file)
}

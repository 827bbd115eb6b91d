// Package dataset is how commands open datasets: as package data does, and from Parquet
// files.
package dataset

import (
	"tapenet/train/data"
	"tapenet/train/data/parquet"
)

// Open is Options.Open, of Parquet files too.
func Open(o data.Options, name string) (data.Dataset, error) {
	if parquet.Is(name) {
		return parquet.Open(o, name)
	}
	return o.Open(name)
}

// OfPictures is data.OfPictures, of Parquet files too.
func OfPictures(name string) bool { return parquet.Is(name) || data.OfPictures(name) }

package dataset

import (
	"testing"

	"tapenet/train/data"
)

// TestOpen: a Parquet file and a dataset of package data are opened alike.
func TestOpen(t *testing.T) {
	const file = "../../../train/data/parquet/testdata/huggingface.parquet"
	d, err := Open(data.Options{Height: 8, Spill: t.TempDir()}, file)
	if err != nil || d.Shape != [3]int{3, 8, 8} || len(d.Classes) != 3 || !OfPictures(file) {
		t.Errorf("got images of %v, classes %q, %v", d.Shape, d.Classes, err)
	}
	if d, err = Open(data.Options{}, "mnist"); err != nil || d.Name != "mnist" || OfPictures("mnist") {
		t.Errorf("got %q, %v, want mnist", d.Name, err)
	}
}

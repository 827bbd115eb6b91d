package data

import (
	"math"
	"os"
	"testing"
)

func TestOptionsErrors(t *testing.T) {
	dir := writeTree(t, "five", fiveClasses())
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"another height", Options{Height: 28}, `dataset "five" has images of (channels, height, width) = (1,6,7) and no pictures to scale, want (0,28,0), 0 being any`},
		{"another colour", Options{Channels: 3}, "want (3,0,0)"},
		{"negative", Options{Width: -1}, "images of 0×-1, want sides of 1 to 16384"},
		{"huge", Options{Height: 1 << 20}, "images of 1048576×0"},
		{"two channels", Options{Channels: 2}, "2 channels, want 1, 3, or 0"},
		{"test share", Options{TestShare: 1}, "a test share of 1"},
		{"no number", Options{TestShare: math.NaN()}, "a test share of NaN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.o.Open(dir)
			wantError(t, err, "data: ", tt.want)
		})
	}
	if _, err := (Options{Channels: 1, Height: 6, Width: 7}).Open(dir); err != nil {
		t.Errorf("the size that the images have: %v", err)
	}
	for _, o := range []Options{{Channels: 2}, {TestShare: -1}} {
		_, err := o.Folder(dir)
		wantError(t, err, "data: ", "want")
		_, err = o.Shards(dir)
		wantError(t, err, "data: ", "want")
	}
}

func TestOpenEmpty(t *testing.T) {
	_, err := Open(t.TempDir())
	wantError(t, err, "data: folder ", "no "+trainImages)
}

func TestFashion(t *testing.T) {
	d, err := fashion(writeTree(t, "fashion", fiveClasses()))
	if err != nil || d.Name != "fashion-mnist" || len(d.Classes) != 10 || d.Classes[9] != "ankle boot" {
		t.Errorf("%q with the classes %q and error %v", d.Name, d.Classes, err)
	}
	_, err = fashion("nowhere")
	wantError(t, err, "data: ", "; Debian's package dataset-fashion-mnist has them, or name another folder")
	if _, err := os.Stat(fashionMNIST); err != nil {
		t.Skip("Debian's package dataset-fashion-mnist is not installed")
	}
	if d, err = Open("fashion-mnist"); err != nil || d.Train.Len() != 60000 || d.Shape != [3]int{1, 28, 28} {
		t.Errorf("%v with the error %v", d, err)
	}
}

package robust

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"
)

func decoded(t *testing.T, shape [3]int, x []float32) image.Image {
	t.Helper()
	source, err := encode(shape, x)
	if err != nil {
		t.Fatal(err)
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(source), "data:image/png;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestEncode: colours, the first of other channels in grey, and large pictures shrunk.
func TestEncode(t *testing.T) {
	img := decoded(t, [3]int{3, 1, 2}, []float32{1, 0, 0.2, 0.4, 0, 1})
	for x, want := range []color.RGBA{{255, 51, 0, 255}, {0, 102, 255, 255}} {
		if got := color.RGBAModel.Convert(img.At(x, 0)); got != want {
			t.Errorf("pixel %d is %v, want %v", x, got, want)
		}
	}
	if got := decoded(t, [3]int{2, 1, 3}, []float32{0, 0.2, 1, 9, 9, 9}).(*image.Gray); !slices.Equal(got.Pix, []uint8{0, 51, 255}) {
		t.Errorf("two channels: %v, want the first", got.Pix)
	}
	large := make([]float32, 150*250)
	for i := range large {
		large[i] = float32(i % 2) // columns, black and white by turns
	}
	got := decoded(t, [3]int{1, 150, 250}, large).(*image.Gray)
	if got.Bounds().Size() != (image.Point{83, 50}) || got.Pix[0] != 85 || got.Pix[1] != 170 {
		t.Errorf("150×250 becomes %v, first %v, want a third, mixed", got.Bounds().Size(), got.Pix[:2])
	}
}

func TestSpread(t *testing.T) {
	for _, tt := range []struct {
		n, most int
		want    []int
	}{{0, 3, nil}, {1, 3, []int{0}}, {3, 3, []int{0, 1, 2}}, {19, 7, []int{0, 3, 6, 9, 12, 15, 18}}, {5, 2, []int{0, 4}}} {
		if got := spread(tt.n, tt.most); !slices.Equal(got, tt.want) {
			t.Errorf("%d of %d: %v, want %v", tt.most, tt.n, got, tt.want)
		}
	}
}

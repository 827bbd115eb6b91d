package report

import (
	"image/color"
	"slices"
	"testing"

	"tapenet/graph/metric"
	"tapenet/train/data"
)

func TestMatrix(t *testing.T) {
	c := metric.Confusion{{8, 2, 0}, {0, 0, 0}, {1, 3, 6}}
	m := newMatrix(c, []string{"a", "b", "c"})
	if m.Total != 20 || m.Right != 70 || m.Long || m.Picture != "" {
		t.Errorf("matrix %+v", m)
	}
	if want := []pair{{"c", "b", 3, 30, place{2, 1}}, {"a", "b", 2, 20, place{0, 1}}, {"c", "a", 1, 10, place{2, 0}}}; !slices.Equal(m.Pairs, want) {
		t.Errorf("pairs %v, want %v", m.Pairs, want)
	}
	r := m.Rows[0]
	if r.Images != 10 || r.Recall != 80 || r.Cells[0] != (cell{8, true, "0.894", true, place{0, 0}}) || r.Cells[1] != (cell{2, false, "0.447", false, place{0, 1}}) {
		t.Errorf("row %+v", r)
	}
	if empty := m.Rows[1]; empty.Images != 0 || empty.Recall != 0 || empty.Cells[1].Shade != "0.000" {
		t.Errorf("row of a class without images %+v", empty)
	}
}

// TestPhoto: images in 0..1 stay as they are, others are stretched, and
// normalisation is undone.
func TestPhoto(t *testing.T) {
	none := data.Stats{}
	for _, tt := range []struct {
		name  string
		x     []float32
		shape [3]int
		stats data.Stats
		want  []color.NRGBA
	}{
		{"grey", []float32{0, 0.4}, [3]int{1, 1, 2}, none, []color.NRGBA{{0, 0, 0, 255}, {102, 102, 102, 255}}},
		{"colour", []float32{1, 0, 0.2, 0, 0, 1}, [3]int{3, 1, 2}, none, []color.NRGBA{{255, 51, 0, 255}, {0, 0, 255, 255}}},
		{"of a wide range", []float32{-2, 0, 2}, [3]int{1, 1, 3}, none, []color.NRGBA{{0, 0, 0, 255}, {128, 128, 128, 255}, {255, 255, 255, 255}}},
		{"two channels", []float32{0, 1, 0.8, 1}, [3]int{2, 1, 2}, none, []color.NRGBA{{102, 102, 102, 255}, {255, 255, 255, 255}}},
		{"constant", []float32{7, 7}, [3]int{1, 1, 2}, none, []color.NRGBA{{0, 0, 0, 255}, {0, 0, 0, 255}}},
		{"normalised", []float32{-1, 1, 0, 2, 0.2, 0.8}, [3]int{3, 1, 2}, data.Stats{Mean: []float64{0.5, 0.2, 0}, Deviation: []float64{0.5, 0.4, 0}},
			[]color.NRGBA{{0, 51, 51, 255}, {255, 255, 204, 255}}},
		{"normalised, of a wide range", []float32{-1, 0, 1}, [3]int{1, 1, 3}, data.Stats{Mean: []float64{128}, Deviation: []float64{64}},
			[]color.NRGBA{{0, 0, 0, 255}, {128, 128, 128, 255}, {255, 255, 255, 255}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src, err := photo(tt.x, tt.shape, tt.stats)
			if err != nil {
				t.Fatal(err)
			}
			img := decode(t, string(src))
			for i, want := range tt.want {
				if got := color.NRGBAModel.Convert(img.At(i, 0)); got != want {
					t.Errorf("pixel %d is %v, want %v", i, got, want)
				}
			}
		})
	}
}

func TestDiverging(t *testing.T) {
	for v, want := range map[float32]color.NRGBA{-1: {0x1f, 0x77, 0xb4, 255}, 0: {255, 255, 255, 255}, 1: {0xd6, 0x27, 0x28, 255}} {
		if got := diverging(v); got != want {
			t.Errorf("%v is %v, want %v", v, got, want)
		}
	}
}

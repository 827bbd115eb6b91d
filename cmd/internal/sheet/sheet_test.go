package sheet

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// plain is a picture of one colour.
func plain(width, height int, c color.Color) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		img.Set(i%width, i/width, c)
	}
	return img
}

// TestSave holds where pictures and text are.
func TestSave(t *testing.T) {
	red, blue := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}
	var cells []Cell
	for range 5 {
		cells = append(cells, Cell{Pictures: []image.Image{plain(4, 3, red), plain(4, 3, blue)}, Lines: []string{"one", "a line that is too long for its cell"}})
	}
	file := filepath.Join(t.TempDir(), "x.png")
	if err := Save(file, cells, image.Pt(40, 30), 3); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if size := img.Bounds().Size(); size != image.Pt(3*(80+24), 2*(30+36+12)+12) {
		t.Fatalf("size %v, want three cells across and two down", size)
	}
	for i := range 5 {
		x, y := i%3*104+12, i/3*78+12
		if left, right := img.At(x+39, y+29), img.At(x+40, y+29); left != red || right != blue {
			t.Errorf("cell %d: %v and %v side by side, want red and blue", i, left, right)
		}
		for line := range 2 {
			dark := 0
			for dy := range 18 {
				for dx := range 104 {
					if r, _, _, _ := img.At(i%3*104+dx, y+30+line*18+dy).RGBA(); r < 0x8000 {
						dark++
						if dx < 12 || dx >= 92 {
							t.Fatalf("cell %d: line %d is wider than the pictures", i, line)
						}
					}
				}
			}
			if dark < 20 {
				t.Errorf("cell %d: %d dark pixels in line %d, want text", i, dark, line)
			}
		}
	}
}

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		height, width int
		want          image.Point
	}{
		{28, 28, image.Pt(56, 56)},
		{6, 8, image.Pt(56, 42)},
		{60, 30, image.Pt(30, 60)},
		{300, 600, image.Pt(160, 80)},
		{1000, 1, image.Pt(1, 160)},
	} {
		if got := Size(tt.height, tt.width, 56, 160); got != tt.want {
			t.Errorf("%d×%d is drawn as %v, want %v", tt.width, tt.height, got, tt.want)
		}
	}
}

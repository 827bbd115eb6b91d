package letter

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"strings"
	"testing"
)

// written is a text on white, with its base line at (4,20).
func written(f *Font, text string) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, 200, 40))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	f.Write(img, text, image.Pt(4, 20), color.Black)
	return img
}

// inked is the rectangle of all pixels that are not white, and the number of greys among them.
func inked(img *image.Gray) (in image.Rectangle, greys int) {
	seen := map[uint8]bool{}
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			if v := img.GrayAt(x, y).Y; v < 255 {
				in = in.Union(image.Rect(x, y, x+1, y+1))
				seen[v] = true
			}
		}
	}
	return in, len(seen)
}

// TestWrite: letters are where they should be, smooth, and the same each time.
func TestWrite(t *testing.T) {
	f := New(Size)
	img := written(f, "größer")
	in, greys := inked(img)
	if in.Min.X < 3 || in.Max.X > 5+f.Width("größer") || in.Min.Y < 20-Size || in.Max.Y > 20+f.Line-Size+2 || in.Dy() < 9 {
		t.Errorf("ink in %v, want it from (4,%d) to (%d,%d)", in, 20-Size, 4+f.Width("größer"), 24)
	}
	if greys < 10 {
		t.Errorf("%d greys, want smooth letters", greys)
	}
	if !bytes.Equal(img.Pix, written(New(Size), "größer").Pix) {
		t.Error("two fonts of one size differ")
	}
	if large, _ := inked(written(New(2*Size), "größer")); large.Dx() < 19*in.Dx()/10 {
		t.Errorf("twice the size is %v, want twice of %v", large, in)
	}
}

func TestCut(t *testing.T) {
	f := New(Size)
	for _, text := range []string{"", "short", "a/path/that/is/long/and/ends/in/picture.jpg", strings.Repeat("W", 50), "two\nlines\x00", "日本語日本語日本語日本語日本語"} {
		for _, width := range []int{0, 20, 90, 1000} {
			begin, end := f.Begin(text, width), f.End(text, width)
			if f.Width(text) <= width && (begin != text || end != text) {
				t.Errorf("%q has room in %d, and is cut to %q and %q", text, width, begin, end)
			}
			if width >= 20 && (f.Width(begin) > width+1 || f.Width(end) > width+1) {
				t.Errorf("%q and %q are %d and %d wide, want %d", begin, end, f.Width(begin), f.Width(end), width)
			}
			if f.Width(text) > width && (!strings.HasSuffix(begin, "…") || !strings.HasPrefix(end, "…")) {
				t.Errorf("%q is cut to %q and %q, want … where it is", text, begin, end)
			}
		}
	}
	if got := f.End("a/path/that/is/long/and/ends/in/picture.jpg", 90); !strings.HasSuffix(got, "picture.jpg") {
		t.Errorf("%q, want the name of the file", got)
	}
	if got := f.End(strings.Repeat("long", 1<<18), 90); !strings.HasSuffix(got, "longlong") || len(got) > 60 { // each letter is measured once
		t.Errorf("%q of a text of a million letters", got)
	}
}

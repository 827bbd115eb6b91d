package scenes

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestWrite: each class has its pictures, all different, and a seed gives the same ones.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, all, 2, 7); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.jpg"))
	if err != nil || len(files) != 2*len(all) {
		t.Fatalf("files %v, %v, want two a class", files, err)
	}
	seen := map[string]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(b)] = true
	}
	if len(seen) != len(files) {
		t.Errorf("%d different pictures of %d", len(seen), len(files))
	}
	a, b := Draw(1, rand.New(rand.NewPCG(7, 2))), Draw(1, rand.New(rand.NewPCG(7, 2)))
	if !slices.Equal(a.Pix, b.Pix) || a.Rect != b.Rect {
		t.Error("the same seed gives other pictures")
	}
}

func TestWriteUnknownClass(t *testing.T) {
	err := Write(t.TempDir(), []string{"sea", "moon"}, 1, 7)
	if want := `scenes: class "moon", want one of ["forest" "mountains" "sea" "town" "desert" "fields" "lake" "park"]`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

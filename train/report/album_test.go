package report

import (
	"fmt"
	"testing"

	"tapenet/graph/metric"
)

// TestAlbums: each cell has its images, those with the highest losses and no more than so many,
// and mistakes come before what is right.
func TestAlbums(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "a", "b", "c")
	d.Test = blobs{n: 2000, classes: 3, size: 30}
	e := noisy(2000, 3)
	for i := range e.samples { // as the blobs have them
		e.samples[i].class = i * 7 % 3
	}
	e.confusion = metric.NewConfusion(3)
	for _, s := range e.samples {
		e.confusion.Add(s.class, s.predicted)
	}
	m := newMatrix(e.confusion, d.Classes)
	if err := m.open(e, d); err != nil {
		t.Fatal(err)
	}
	if len(m.Albums) != 9 {
		t.Fatalf("%d albums, want one for each cell", len(m.Albums))
	}
	for i, a := range m.Albums {
		if a.Right != (i >= 6) || len(a.Pictures) != maxAlbum || a.More() != a.Count-maxAlbum {
			t.Errorf("album %d: %s for %s, %d of %d pictures, %d more", i, a.Predicted, a.Class, len(a.Pictures), a.Count, a.More())
		}
		worst := -1.0
		for _, s := range e.samples {
			if d.Classes[s.class] == a.Class && d.Classes[s.predicted] == a.Predicted && s.loss > worst {
				worst = s.loss
			}
		}
		var first sample
		for _, s := range e.samples {
			if s.loss == worst {
				first = s
			}
		}
		if a.Pictures[0].Name != fmt.Sprint(first.index) || a.Pictures[0].Confidence != 100*first.share {
			t.Errorf("album %d begins with image %s, want %d of the highest loss", i, a.Pictures[0].Name, first.index)
		}
	}
}

// TestAlbumsBounded: very many cells do not make a page of any size, and what is left out is
// counted.
func TestAlbumsBounded(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, classNames(20)...)
	d.Test = blobs{n: 4000, classes: 20, size: 30}
	e := noisy(4000, 20)
	m := newMatrix(e.confusion, d.Classes)
	if err := m.open(e, d); err != nil {
		t.Fatal(err)
	}
	pictures, images := 0, 0
	for _, a := range m.Albums {
		pictures += len(a.Pictures)
		images += len(a.Pictures) + a.More()
	}
	if pictures != maxPictures || images != 4000 {
		t.Errorf("%d pictures of %d images, want %d of 4000", pictures, images, maxPictures)
	}
	many := newMatrix(noisy(2500, 25).confusion, classNames(25))
	d.Test, d.Classes = blobs{n: 2500, classes: 25, size: 30}, classNames(25)
	if err := many.open(noisy(2500, 25), d); err != nil || len(many.Albums) != len(many.Pairs) || many.Albums[0].ID != many.Pairs[0].ID() {
		t.Errorf("%d albums (%v), want one for each of %d pairs", len(many.Albums), err, len(many.Pairs))
	}
}

// TestAlbumOnPage: each button has the dialog that it opens.
func TestAlbumOnPage(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "ant", "bee", "cat")
	page := reported(t, convNet(3), d)
	all := elements(t, page)
	dialogs := map[string]bool{}
	for _, e := range all["div"] {
		if id := attribute(e, "id"); id != "" {
			dialogs[id] = true
		}
	}
	opened := 0
	for _, b := range all["button"] {
		if !dialogs[attribute(b, "popovertarget")] {
			t.Errorf("a button opens %q, want one of %v", attribute(b, "popovertarget"), dialogs)
		}
		if attribute(b, "popovertargetaction") == "" {
			opened++
		}
	}
	if opened == 0 || opened != len(dialogs) {
		t.Errorf("%d buttons for %d dialogs", opened, len(dialogs))
	}
}

package robust

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"

	"tapenet/infer/robust"
)

// maxSide bounds a picture on the page, in pixels: larger ones are made smaller.
const maxSide = 96

// photo is a picture on the page.
type photo struct {
	Source template.URL
	Label  string
	Says   string // what the network says
	Wrong  bool
	Title  string
}

// strip is a row of photos: one image, changed more and more.
type strip []photo

// album is what one measurement looks like.
type album struct {
	Name   string
	Labels []string // of the columns
	Strips []strip
}

// chapter is the albums of a group.
type chapter struct {
	Title  string
	group  string
	Albums []album
}

// chapterTitles are by group.
var chapterTitles = map[string]string{
	"corruptions": "What corruptions look like",
	"geometry":    "What deformations look like",
	"attacks":     "What attacks look like",
}

// maxColumns bounds the photos of a strip; of more, some are chosen.
const maxColumns = 7

// chapters are the sheets of a network.
func chapters(r *robust.Report) (all []chapter, err error) {
	rows := 2
	if r.Input[1] > maxSide || r.Input[2] > maxSide {
		rows = 1
	}
	for _, s := range r.Sheets {
		if n := len(all); n == 0 || all[n-1].group != s.Group {
			all = append(all, chapter{Title: chapterTitles[s.Group], group: s.Group})
		}
		a, err := newAlbum(r, s, rows)
		if err != nil {
			return nil, err
		}
		last := &all[len(all)-1]
		last.Albums = append(last.Albums, a)
	}
	return all, nil
}

// newAlbum draws a sheet, of which it takes so many rows.
func newAlbum(r *robust.Report, s robust.Sheet, rows int) (album, error) {
	a := album{Name: robust.Title(s.Name)}
	for i, pictures := range s.Rows[:min(rows, len(s.Rows))] {
		var next strip
		for _, k := range spread(len(pictures), maxColumns) {
			p, err := newPhoto(r, pictures[k])
			if err != nil {
				return a, err
			}
			if i == 0 {
				a.Labels = append(a.Labels, p.Label)
			}
			next = append(next, p)
		}
		a.Strips = append(a.Strips, next)
	}
	return a, nil
}

// spread chooses at most so many of n, evenly, the first and the last among them.
func spread(n, most int) (all []int) {
	k := min(n, most)
	for i := range k {
		all = append(all, i*(n-1)/max(k-1, 1))
	}
	return all
}

// newPhoto draws a picture.
func newPhoto(r *robust.Report, p robust.Picture) (photo, error) {
	source, err := encode(r.Input, p.Pix)
	if err != nil {
		return photo{}, err
	}
	if p.Predicted == robust.NoPrediction {
		return photo{Source: source, Label: p.Label, Title: fmt.Sprintf("image %d: %s", p.Image, p.Label)}, nil
	}
	says := className(r, p.Predicted)
	return photo{
		Source: source, Label: p.Label, Says: fmt.Sprintf("%s %.0f %%", says, 100*p.Probability), Wrong: p.Predicted != p.Class,
		Title: fmt.Sprintf("image %d of class %s, %s: the network says %s with %.1f %%", p.Image, className(r, p.Class), p.Label, says, 100*p.Probability),
	}, nil
}

func className(r *robust.Report, class int) string {
	if class >= 0 && class < len(r.Classes) {
		return r.Classes[class]
	}
	return fmt.Sprint(class)
}

// encode makes an image part of the page, as PNG: three channels are colours, of any
// other number the first is shown in grey. Large images are shrunk by a whole factor.
func encode(shape [3]int, x []float32) (template.URL, error) {
	c, h, w := shape[0], shape[1], shape[2]
	by := (max(h, w) + maxSide - 1) / maxSide
	img := image.NewRGBA(image.Rect(0, 0, max(w/by, 1), max(h/by, 1)))
	for y := range img.Rect.Dy() {
		for x0 := range img.Rect.Dx() {
			var v [3]uint8
			for k := range v {
				plane := 0
				if c == 3 {
					plane = k
				}
				v[k] = level(block(x[plane*h*w:][:h*w], w, y*by, x0*by, min(by, h), min(by, w)))
			}
			img.SetRGBA(x0, y, color.RGBA{v[0], v[1], v[2], 255})
		}
	}
	var small image.Image = img
	if c != 3 {
		grey := image.NewGray(img.Rect)
		for i := range grey.Pix {
			grey.Pix[i] = img.Pix[4*i]
		}
		small = grey
	}
	var b bytes.Buffer
	if err := png.Encode(&b, small); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

// block is the mean of some rows and columns.
func block(plane []float32, w, top, left, rows, columns int) float32 {
	var sum float32
	for y := range rows {
		for x := range columns {
			sum += plane[(top+y)*w+left+x]
		}
	}
	return sum / float32(rows*columns)
}

// level is a value in 0..1 as a byte.
func level(v float32) uint8 { return uint8(255*max(0, min(v, 1)) + 0.5) }

package infer

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/sheet"
	"tapenet/graph"
	"tapenet/graph/raster"
	"tapenet/graph/raster/letter"
	"tapenet/graph/weights"
	"tapenet/infer"
)

// camSmallest is how long the longer side of a drawn picture is at least: a smaller one is
// drawn a whole number of times as large.
const camSmallest = 336

var grey = color.Gray{Y: 0x99} // of the legend's ground

// camFiles draws pictures with their class activation maps: one in a file, or several in
// a folder, each in a file of its own.
type camFiles struct {
	p      *infer.Predictor
	file   string // "" for a folder
	folder string
	taken  map[string]bool // names in the folder
}

// newCAM checks what -cam is to draw before the first picture is read.
func newCAM(n network, o options, files int) (*camFiles, error) {
	c := &camFiles{p: n.single, taken: map[string]bool{}}
	if isFolder(o.cam) {
		c.folder = o.cam
	} else {
		c.file = o.cam
	}
	switch {
	case n.single == nil:
		return nil, cli.Usagef("infer: -cam of several models, want one")
	case c.folder == "" && files > 1:
		return nil, cli.Usagef("infer: -cam %s for %d files, want a folder that is there", o.cam, files)
	}
	if h, _ := n.single.Places(); h == 0 {
		return nil, fmt.Errorf("infer: -cam: %w", graph.ErrNoPlaces)
	}
	return c, nil
}

// checkCAM holds the flag -cam.
func (o options) checkCAM() error {
	switch {
	case o.cam == "":
		return nil
	case o.data != "" || o.features || o.similar != "" || o.saliency != "":
		return cli.Usagef("infer: -cam goes with none of -data, -features, -similar and -saliency")
	case !isFolder(o.cam) && !strings.EqualFold(filepath.Ext(o.cam), ".png"):
		return cli.Usagef("infer: -cam %s, want a file ending in .png or a folder that is there", o.cam)
	case !isFolder(filepath.Dir(o.cam)):
		return cli.Usagef("infer: -cam %s: there is no folder %s, want one to write into", o.cam, filepath.Dir(o.cam))
	}
	return nil
}

// add draws pictures, each for its most probable class.
func (c *camFiles) add(results []result) error {
	for _, r := range results {
		a, err := c.p.GradCAM(r.pixels, r.best)
		if err != nil {
			return err
		}
		over, err := c.p.Over(r.picture, a)
		if err != nil {
			return err
		}
		in := c.p.Input
		seen, err := c.p.Preprocessing().Region(r.picture, in[0], in[1], in[2])
		if err != nil {
			return err
		}
		img := captioned(over, r, seen)
		if err := weights.WriteFile(c.name(r.File), func(w io.Writer) error { return png.Encode(w, img) }); err != nil {
			return err
		}
	}
	return nil
}

// name is the file for a picture: in a folder named by the picture's path, and unlike all
// before it.
func (c *camFiles) name(picture string) string {
	if c.folder == "" {
		return c.file
	}
	base := strings.Trim(strings.NewReplacer("/", "_", `\`, "_", ":", "_").Replace(filepath.ToSlash(filepath.Clean(picture))), "._")
	if picture == stdin {
		base = "stdin"
	}
	name := base
	for i := 2; c.taken[name]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	c.taken[name] = true
	return filepath.Join(c.folder, name+".png")
}

// captioned is a picture with a strip below it: the class and its probability, what the
// colours mean, and what the darker parts are, if there are any.
func captioned(picture image.Image, r result, seen raster.Region) image.Image {
	from := picture.Bounds().Size()
	size := sheet.Size(from.Y, from.X, camSmallest, math.MaxInt)
	lines := []string{fmt.Sprintf("%s: %.1f %%", r.title(), 100*r.Probabilities[r.best])}
	if r.Unknown != nil && *r.Unknown {
		lines = append(lines, "at most "+fmt.Sprintf("%s: %.1f %%", r.Class, 100*r.Probabilities[r.best]))
		lines[0] = r.title()
	}
	if seen.Left > 0.5 || seen.Top > 0.5 || seen.Right < float64(from.X)-0.5 || seen.Bottom < float64(from.Y)-0.5 {
		lines = append(lines, "dark: not seen by the network")
	}
	width := max(size.X, camSmallest)
	scale := max(1, width/480)
	font := letter.New(scale * letter.Size)
	row := font.Line + 2*scale
	img := image.NewRGBA(image.Rect(0, 0, width, size.Y+(len(lines)+1)*row+row/2))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	sheet.Put(img, image.Point{}, size, picture)
	left, y := scale*8, size.Y
	for _, text := range lines {
		y += row
		font.Write(img, font.End(text, width-2*left), image.Pt(left, y), sheet.Ink)
	}
	legend(img, image.Rect(left, y+row/3, width-left, y+row+row/3), font)
	return img
}

// legend draws what the colours mean: a bar from nothing to the most, over the grey of a
// picture, with words at its ends.
func legend(img draw.Image, in image.Rectangle, font *letter.Font) {
	const little, much, gap = "little ", "much for this class", " "
	base := in.Max.Y - in.Dy()/4
	end := in.Max.X - font.Width(much)
	font.Write(img, little, image.Pt(in.Min.X, base), sheet.Ink)
	font.Write(img, much, image.Pt(end, base), sheet.Ink)
	bar := image.Rect(in.Min.X+font.Width(little), in.Min.Y+in.Dy()/8, end-font.Width(gap), in.Max.Y-in.Dy()/8)
	draw.Draw(img, bar, image.NewUniform(grey), image.Point{}, draw.Src)
	for x := bar.Min.X; x < bar.Max.X; x++ {
		colour := raster.HeatColor(float32(x-bar.Min.X) / float32(max(bar.Dx()-1, 1)))
		draw.Draw(img, image.Rect(x, bar.Min.Y, x+1, bar.Max.Y), image.NewUniform(colour), image.Point{}, draw.Over)
	}
}

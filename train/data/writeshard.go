package data

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strconv"
)

// Picture returns an image of one channel or three, in the range 0..1, as a
// picture with 8 bits a value.
func Picture(x []float32, shape [3]int) (image.Image, error) {
	c, plane := shape[0], shape[1]*shape[2]
	rect := image.Rect(0, 0, shape[2], shape[1])
	value := func(v float32) byte { return byte(255*clamp(v) + 0.5) }
	switch {
	case len(x) != c*plane:
		return nil, fmt.Errorf("data: %d values, want those of an image of %s", len(x), text(shape))
	case c == 1:
		img := image.NewGray(rect)
		for i, v := range x {
			img.Pix[i] = value(v)
		}
		return img, nil
	case c == 3:
		img := image.NewNRGBA(rect)
		for i := range plane {
			img.SetNRGBA(i%shape[2], i/shape[2], color.NRGBA{value(x[i]), value(x[plane+i]), value(x[2*plane+i]), 255})
		}
		return img, nil
	}
	return nil, fmt.Errorf("data: images of %d channels, want 1 or 3 for a picture", c)
}

// WriteShard writes the samples of s with the given indices, whose images have
// the given shape, as a tar file that [Options.Shards] reads: PNG pictures and
// classes, named by the index. Equal samples give equal bytes.
func WriteShard(w io.Writer, s Samples, shape [3]int, samples []int) error {
	t := tar.NewWriter(w)
	x := make([]float32, volumeOf(shape))
	var b bytes.Buffer
	encoder := png.Encoder{BufferPool: new(oneBuffer)}
	for _, i := range samples {
		class, err := s.Read(i, x)
		if err != nil {
			return err
		}
		img, err := Picture(x, shape)
		if err != nil {
			return err
		}
		b.Reset()
		if err := encoder.Encode(&b, img); err != nil {
			return err
		}
		name := fmt.Sprintf("%09d", i)
		if err := errors.Join(writeMember(t, name+".png", b.Bytes()), writeMember(t, name+".cls", strconv.AppendInt(nil, int64(class), 10))); err != nil {
			return err
		}
	}
	return t.Close()
}

func writeMember(t *tar.Writer, name string, content []byte) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	_, err := t.Write(content)
	return err
}

// oneBuffer keeps the buffer of a PNG encoder from picture to picture.
type oneBuffer struct{ b *png.EncoderBuffer }

// Get implements [png.EncoderBufferPool].
func (p *oneBuffer) Get() *png.EncoderBuffer { return p.b }

// Put implements [png.EncoderBufferPool].
func (p *oneBuffer) Put(b *png.EncoderBuffer) { p.b = b }

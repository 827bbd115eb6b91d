package bench

import (
	"math/rand/v2"
	"slices"

	"tapenet/train/data"
)

// Images that batches are drawn from: 8192, or as many as fit into 64 MB. Even
// MNIST's, 6.4 MB, are more than a core's cache holds. pytorch.py has the same.
const (
	poolSize  = 8192
	poolBytes = 64 << 20
)

// images are what batches are read from, in an order that is random once.
type images struct {
	pixels []byte // image after image
	labels []uint16
	order  []int
	at     int // in order
}

// newImages are the first training digits of MNIST if the shape is MNIST's,
// else noise with random labels.
func newImages(shape []int, classes int) (*images, error) {
	r := rand.New(rand.NewPCG(seed, 0))
	size := elements(shape)
	n := max(1, min(poolSize, poolBytes/size))
	p := &images{make([]byte, n*size), make([]uint16, n), r.Perm(n), 0}
	if slices.Equal(shape, []int{1, 28, 28}) && classes == zooClasses {
		return p, p.digits(size)
	}
	for i := range p.pixels {
		p.pixels[i] = byte(r.Uint32())
	}
	for i := range p.labels {
		p.labels[i] = uint16(r.IntN(min(classes, 1<<16)))
	}
	return p, nil
}

func (p *images) digits(size int) error {
	mnist, err := data.MNIST()
	if err != nil {
		return err
	}
	x := make([]float32, size)
	for i := range p.labels {
		class, err := mnist.Train.Read(i, x)
		if err != nil {
			return err
		}
		p.labels[i] = uint16(class)
		for k, v := range x {
			p.pixels[i*size+k] = byte(v*255 + 0.5)
		}
	}
	return nil
}

// read reads the next batch, as training does: bytes become 0..1.
func (p *images) read(x, labels []float32) {
	size := len(x) / len(labels)
	for i := range labels {
		from := p.order[p.at]
		p.at = (p.at + 1) % len(p.order)
		for k, v := range p.pixels[from*size:][:size] {
			x[i*size+k] = unit[v]
		}
		labels[i] = float32(p.labels[from])
	}
}

// unit[v] is v/255.
var unit = func() (t [256]float32) {
	for v := range t {
		t[v] = float32(v) / 255
	}
	return t
}()

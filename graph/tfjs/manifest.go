package tfjs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strings"

	"tapenet/graph/keras/topology"
	"tapenet/graph/regular"
	"tapenet/graph/weights"
)

// group lists weights whose bytes follow each other in one or more files.
type group struct {
	Paths   []string `json:"paths"`
	Weights []spec   `json:"weights"`
}

// spec is one weight.
type spec struct {
	Name         string        `json:"name"`
	Shape        []int         `json:"shape"`
	Dtype        string        `json:"dtype"`
	Quantization *quantization `json:"quantization"`
}

// quantization says how a number is stored: as a float16, or as an integer q
// that stands for q·scale + min.
type quantization struct {
	Dtype string   `json:"dtype"`
	Min   *float64 `json:"min"`
	Scale *float64 `json:"scale"`
}

// weights reads the values of all weights.
func (f *file) weights(fsys fs.FS, name string) (map[string]topology.Array, error) {
	all, files := map[string]topology.Array{}, map[string]bool{}
	for _, g := range f.Manifest {
		for _, p := range g.Paths { // else a small file could be read a thousand times
			if p = path.Clean(p); files[p] {
				return nil, fmt.Errorf("weights in %.64q: it is named twice, want each file once", p)
			}
			files[p] = true
		}
		size := int64(0)
		for _, s := range g.Weights {
			n, err := s.size()
			if err != nil {
				return nil, fmt.Errorf("weight %.64q: %w", s.Name, err)
			}
			size += n
		}
		data, err := g.data(fsys, path.Dir(name), size)
		if err != nil {
			return nil, err
		}
		for _, s := range g.Weights {
			if _, twice := all[s.Name]; twice {
				return nil, fmt.Errorf("weight %.64q is there twice", s.Name)
			}
			n, _ := s.size()
			all[s.Name] = topology.Array{Shape: s.Shape, Values: s.decode(data[:n])}
			data = data[n:]
		}
	}
	return all, nil
}

// data returns the content of the group's files, which must be size bytes.
func (g group) data(fsys fs.FS, dir string, size int64) (data []byte, err error) {
	for _, p := range g.Paths {
		b, err := regular.ReadIn(fsys, path.Join(dir, p), int(size)-len(data))
		if err != nil {
			return nil, fmt.Errorf("weights in %.64q: %w", p, err)
		}
		data = append(data, b...)
	}
	if int64(len(data)) != size {
		return nil, fmt.Errorf("weights in %.128q: %d bytes, want %d for their shapes: a file is cut off or missing", strings.Join(g.Paths, ", "), len(data), size)
	}
	return data, nil
}

// width returns the bytes of one number.
func (s spec) width() (int64, error) {
	if s.Dtype != "float32" && s.Dtype != "int32" {
		return 0, fmt.Errorf("dtype %.64q, want float32 or int32", s.Dtype)
	}
	q := s.Quantization
	if q == nil {
		return 4, nil
	}
	switch q.Dtype {
	case "float16":
		return 2, nil
	case "uint8", "uint16":
		if q.Min == nil || q.Scale == nil {
			return 0, errors.New("quantised without min or scale")
		}
		if q.Dtype == "uint8" {
			return 1, nil
		}
		return 2, nil
	}
	return 0, fmt.Errorf("quantised as %.64q, want uint8, uint16 or float16", q.Dtype)
}

// size returns the bytes of all numbers.
func (s spec) size() (int64, error) {
	n, err := s.width()
	if err != nil {
		return 0, err
	}
	if len(s.Shape) > 4 {
		return 0, fmt.Errorf("%d dimensions, want at most 4", len(s.Shape))
	}
	for _, d := range s.Shape {
		if d < 1 || int64(d) > math.MaxInt32/n {
			return 0, fmt.Errorf("shape %v, want positive dimensions of a few gigabytes at most", s.Shape)
		}
		n *= int64(d)
	}
	return n, nil
}

// decode reads the numbers. Whole numbers become floats: they are shapes and axes.
func (s spec) decode(b []byte) []float32 {
	width, _ := s.width()
	x := make([]float32, len(b)/int(width))
	for i := range x {
		switch q := s.Quantization; {
		case q == nil && s.Dtype == "int32":
			x[i] = float32(int32(binary.LittleEndian.Uint32(b[4*i:])))
		case q == nil:
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		case q.Dtype == "uint8":
			x[i] = float32(float64(b[i])**q.Scale + *q.Min)
		case q.Dtype == "uint16":
			x[i] = float32(float64(binary.LittleEndian.Uint16(b[2*i:]))**q.Scale + *q.Min)
		default:
			x[i] = weights.FromHalf(binary.LittleEndian.Uint16(b[2*i:]))
		}
	}
	return x
}

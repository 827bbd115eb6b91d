package weights

import (
	"cmp"
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

const (
	// maxHeader bounds the header's length in bytes, and maxEntries its tensors and the
	// entries of its metadata: each takes two to three hundred bytes of memory, however
	// short. The format allows 100 MB; a network of 5,000 tensors has 0.5 MB.
	maxHeader  = 16 << 20
	maxEntries = 1 << 16
	// maxDims bounds the memory that a header can claim for a shape. Networks
	// use five dimensions at most.
	maxDims = 8
	// metadataKey is the header's key for Metadata, which no tensor may have.
	metadataKey = "__metadata__"
)

// dtype is a type of number that a file may hold.
type dtype struct {
	name string // in the header
	size int    // bytes of one number
	of   tensor.Dtype
}

// half is a float32 in memory and binary16 in the file.
var half = dtype{"F16", 2, tensor.Float32}

// int8s is a float32 in memory. The file holds a whole number, and in another
// tensor the scale that it is multiplied by; see quantised.
var int8s = dtype{"I8", 1, tensor.Float32}

// dtypes lists the widest first, the order in which tensors are written: all
// numbers are then aligned to their size.
var dtypes = []dtype{
	{"F64", 8, tensor.Float64},
	{"F32", 4, tensor.Float32},
	half,
	int8s,
}

// info is a tensor's entry in the header: its numbers are the bytes [begin,
// end) of the data.
type info struct {
	name       string
	dtype      dtype
	shape      []int
	begin, end int
}

// count is the number of elements.
func (in info) count() int { return (in.end - in.begin) / in.dtype.size }

// check sorts infos by offset and returns an error unless their names differ
// and their offsets cover size bytes of data without gap or overlap. Then the
// tensors take size bytes of memory, twice as much for F16, four times for I8.
func check(infos []info, size int64) error {
	slices.SortFunc(infos, func(a, b info) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(infos); i++ {
		if infos[i].name == infos[i-1].name {
			return fmt.Errorf("tensor %.64q appears twice, want once", infos[i].name)
		}
	}
	slices.SortFunc(infos, func(a, b info) int { return cmp.Compare(a.begin, b.begin) })
	end := 0
	for _, in := range infos {
		if in.begin != end {
			return fmt.Errorf("tensor %.64q begins at data byte %d, want %d: neither gap nor overlap", in.name, in.begin, end)
		}
		if err := in.fits(); err != nil {
			return fmt.Errorf("tensor %.64q: %w", in.name, err)
		}
		end = in.end
	}
	if int64(end) != size {
		return fmt.Errorf("%d bytes of data, want %d as the header says: the file is cut off or has a tail", size, end)
	}
	return nil
}

// fits returns an error unless the shape needs exactly the bytes between the
// offsets.
func (in info) fits() error {
	have, need := in.end-in.begin, in.dtype.size
	for _, d := range in.shape {
		if d == 0 {
			return fmt.Errorf("shape %v has a dimension 0, want 1 or more", in.shape)
		}
		if need > have/d { // also when need*d would overflow
			return fmt.Errorf("shape %v of %s does not fit its %d bytes", in.shape, in.dtype.name, have)
		}
		need *= d
	}
	if need != have {
		return fmt.Errorf("shape %v of %s needs %d bytes, but its offsets span %d", in.shape, in.dtype.name, need, have)
	}
	return nil
}

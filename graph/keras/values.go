package keras

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"tapenet/graph/keras/hdf5"
	"tapenet/graph/keras/topology"
	"tapenet/graph/weights"
)

// values reads a weight. Keras writes a bfloat16 as two bytes without a type, and
// says so in an attribute.
func values(o *hdf5.Object) (topology.Array, error) {
	a, err := o.Read()
	if err != nil {
		return topology.Array{}, err
	}
	if dtype, err := o.Strings("dtype"); err != nil {
		return topology.Array{}, err
	} else if slices.Equal(dtype, []string{"bfloat16"}) && a.Size == 2 {
		a.Format = hdf5.BFloat16
	}
	x := make([]float32, len(a.Data)/a.Size)
	for i := range x {
		switch b := a.Data[i*a.Size:]; a.Format {
		case hdf5.Float16:
			x[i] = weights.FromHalf(binary.LittleEndian.Uint16(b))
		case hdf5.BFloat16:
			x[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
		case hdf5.Float32:
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b))
		case hdf5.Float64:
			x[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		default:
			return topology.Array{}, fmt.Errorf("elements of %d bytes that are no floats, want float16, bfloat16, float32 or float64, little endian", a.Size)
		}
	}
	return topology.Array{Shape: a.Shape, Values: x}, nil
}

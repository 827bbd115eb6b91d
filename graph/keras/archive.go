package keras

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"tapenet/graph/keras/hdf5"
	"tapenet/graph/keras/topology"
)

// The members of a .keras file.
const (
	configName  = "config.json"
	weightsName = "model.weights.h5"
)

// readArchive reads a .keras file, a zip with the layers and an HDF5 file.
func readArchive(name string, r io.ReaderAt, size int64) (*topology.Model, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	members := map[string]*zip.File{}
	for _, f := range z.File {
		members[f.Name] = f
	}
	if members[configName] == nil {
		return nil, errors.New("a zip without config.json, want a .keras file as Keras 3's model.save writes it")
	}
	switch {
	case members[weightsName] != nil:
	case members["model.weights.npz"] != nil:
		return nil, errors.New("its weights are in NumPy's format, model.weights.npz: want model.save(path) as it is by default, with model.weights.h5")
	case members["model.weights.json"] != nil:
		return nil, errors.New("its weights are in several files, model.weights.json lists them: want model.save(path) without max_shard_size, with model.weights.h5")
	default:
		return nil, errors.New("no model.weights.h5: want a whole model as model.save writes it")
	}
	config, err := unpack(members[configName], maxTopology)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configName, err)
	}
	weights, err := content(r, members[weightsName], size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", weightsName, err)
	}
	f, err := hdf5.Open(weights, weights.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", weightsName, err)
	}
	return topology.New(name, config, &variables{root: f.Root(), next: map[string]int{}, taken: map[*hdf5.Object]bool{}})
}

// sized is an io.ReaderAt that knows its size.
type sized interface {
	io.ReaderAt
	Size() int64
}

// content opens a member of a zip for reading anywhere. Keras stores members as
// they are; one that is packed is unpacked into memory.
func content(r io.ReaderAt, f *zip.File, size int64) (sized, error) {
	if f.Method == zip.Store {
		at, err := f.DataOffset()
		if err != nil {
			return nil, err
		}
		n := int64(f.UncompressedSize64)
		if n < 0 || n > size-at {
			return nil, fmt.Errorf("%d bytes at %d are not in the file: it is cut off", n, at)
		}
		return io.NewSectionReader(r, at, n), nil
	}
	b, err := unpack(f, 16<<20+16*size)
	return bytes.NewReader(b), err
}

// unpack reads a member of a bounded size.
func unpack(f *zip.File, most int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(most) {
		return nil, fmt.Errorf("%d bytes, want at most %d", f.UncompressedSize64, most)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, most))
}

// variables are the weights of a .keras file: layers/conv2d_1/vars/0, where the
// number says which of the layer's weights it is in the order in which Keras makes
// them. Keras 2.12 and 2.13 have _layer_checkpoint_dependencies for layers.
type variables struct {
	root  *hdf5.Object
	next  map[string]int // of a layer
	taken map[*hdf5.Object]bool
}

// find returns an object of the file, nil if there is none.
func (v *variables) find(path string) (*hdf5.Object, error) {
	o, err := v.root.Find(path)
	if o != nil || err != nil {
		return o, err
	}
	parts := strings.Split(path, "/")
	for i := range parts {
		if parts[i] == "layers" {
			parts[i] = "_layer_checkpoint_dependencies"
		}
	}
	return v.root.Find(strings.Join(parts, "/"))
}

// Take returns the next weight of a layer.
func (v *variables) Take(p topology.Place, names ...string) (topology.Array, error) {
	path := p.Saved + "/vars/" + strconv.Itoa(v.next[p.Saved])
	v.next[p.Saved]++
	o, err := v.find(path)
	if err == nil && o == nil {
		err = errors.New("is not in the file")
	}
	if err != nil {
		return topology.Array{}, fmt.Errorf("weight %.128q (%s): %w", path, names[0], err)
	}
	v.taken[o] = true
	a, err := values(o)
	if err != nil {
		err = fmt.Errorf("weight %.128q (%s): %w", path, names[0], err)
	}
	return a, err
}

// Skip marks all weights of a layer as taken.
func (v *variables) Skip(p topology.Place) {
	if o, err := v.find(p.Saved); o != nil && err == nil {
		v.visit(o, p.Saved, maxWalk, map[*hdf5.Object]bool{}, func(o *hdf5.Object, _ string) bool {
			v.taken[o] = true
			return true
		})
	}
}

// Rest returns a weight of a layer that is left. The states of random numbers,
// such as Dropout's, are no weights; nor are the variables of the optimizer, which
// are not below layers.
func (v *variables) Rest() (rest string) {
	o, err := v.find("layers")
	if o == nil || err != nil {
		return ""
	}
	v.visit(o, "layers", maxWalk, map[*hdf5.Object]bool{}, func(o *hdf5.Object, path string) bool {
		if !v.taken[o] && !strings.Contains(path, "/seed_generator/") {
			rest = path
		}
		return rest == ""
	})
	return rest
}

// maxWalk bounds how deep groups are in each other.
const maxWalk = 4 * 16

// visit calls f for each dataset below a group, until it returns false. Groups
// that are met again are passed over.
func (v *variables) visit(o *hdf5.Object, path string, depth int, seen map[*hdf5.Object]bool, f func(*hdf5.Object, string) bool) bool {
	if seen[o] || depth == 0 {
		return true
	}
	seen[o] = true
	if o.IsDataset() {
		return f(o, path)
	}
	names, err := o.Names()
	if err != nil {
		return true
	}
	for _, name := range names {
		child, err := o.Find(name)
		if child == nil || err != nil {
			continue
		}
		if !v.visit(child, path+"/"+name, depth-1, seen, f) {
			return false
		}
	}
	return true
}

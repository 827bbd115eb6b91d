package weights_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gorgonia.org/tensor"

	"tapenet/graph/weights"
)

func Example() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "dense.safetensors")

	f := weights.File{
		Tensors: map[string]*tensor.Dense{
			"dense_1.weight": tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6})),
			"dense_1.bias":   tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{0, 0.5, 1})),
		},
		Metadata: map[string]string{"model": "dense"},
	}
	if err := f.Save(path); err != nil {
		fmt.Println(err)
		return
	}

	got, err := weights.Load(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(got.Metadata["model"], got.Tensors["dense_1.weight"].Shape(), got.Tensors["dense_1.bias"].Data())
	// Output: dense (2, 3) [0 0.5 1]
}

func ExampleDecode() {
	_, err := weights.Decode([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{} and a tail"))
	fmt.Println(err)
	// Output: weights: 11 bytes of data, want 0 as the header says: the file is cut off or has a tail
}

func ExampleWriteFile() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "history.json")

	losses := []float64{2.3, 0.4, 0.1}
	err = weights.WriteFile(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(losses) })
	if err != nil {
		fmt.Println(err)
		return
	}

	// A writer that fails leaves what was there.
	err = weights.WriteFile(path, func(w io.Writer) error {
		fmt.Fprint(w, "[2.3, 0.4, ")
		return io.ErrShortWrite
	})
	b, _ := os.ReadFile(path)
	fmt.Printf("%t %s", err != nil, b)
	// Output: true [2.3,0.4,0.1]
}

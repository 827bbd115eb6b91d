package data

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkShards reads MNIST's pictures from a shard, and opens the shard.
func BenchmarkShards(b *testing.B) {
	dir := b.TempDir()
	f, err := os.Create(filepath.Join(dir, "train-0.tar"))
	if err != nil {
		b.Fatal(err)
	}
	d := mnist(b)
	if err := WriteShard(f, d.Train, d.Shape, InOrder(10000)); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	d, err = Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("read", func(b *testing.B) {
		x := make([]float32, 784)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := d.Train.Read(i%d.Train.Len(), x); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := Open(dir); err != nil {
				b.Fatal(err)
			}
		}
	})
}

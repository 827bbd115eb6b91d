package data

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tapenet/cmd/internal/screen"
	"tapenet/graph/weights"
	"tapenet/train/data"
)

// pack writes a dataset as shards to a folder that must not exist. The training
// samples are mixed, so that every shard has all classes. The folder appears
// when it is complete.
func pack(ctx context.Context, d data.Dataset, o options, stderr io.Writer) error {
	return newFolder(o.pack, "the shards", func(dir string) error { return o.packInto(ctx, dir, d, stderr) })
}

// newFolder makes a folder that must not exist, of what do writes into one beside it. It
// appears when it is complete.
func newFolder(dir, of string, do func(partial string) error) (err error) {
	dir = filepath.Clean(dir)
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("data: %s is there already, want a new folder for %s", dir, of)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	partial := dir + ".partial"
	if err := os.Mkdir(partial, 0o755); err != nil {
		return fmt.Errorf("data: the folder for %s that are not complete yet: %w", of, err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(partial)
		}
	}()
	if err := do(partial); err != nil {
		return err
	}
	return os.Rename(partial, dir)
}

// packInto writes the shards.
func (o options) packInto(ctx context.Context, partial string, d data.Dataset, stderr io.Writer) error {
	names := strings.Join(d.Classes, "\n") + "\n"
	if err := weights.WriteFile(filepath.Join(partial, "classes.txt"), func(w io.Writer) error { _, err := io.WriteString(w, names); return err }); err != nil {
		return err
	}
	if err := o.writeShards(ctx, partial, "train", d.Train, d.Shape, data.Order(d.Train, o.seed, 0), stderr); err != nil {
		return err
	}
	if d.Validation != nil {
		if err := o.writeShards(ctx, partial, "val", d.Validation, d.Shape, data.InOrder(d.Validation.Len()), stderr); err != nil {
			return err
		}
	}
	return o.writeShards(ctx, partial, "test", d.Test, d.Shape, data.InOrder(d.Test.Len()), stderr)
}

func (o options) writeShards(ctx context.Context, dir, part string, s data.Samples, shape [3]int, order []int, stderr io.Writer) error {
	for n := 0; n*o.shard < len(order); n++ {
		of := order[n*o.shard : min((n+1)*o.shard, len(order))]
		name := fmt.Sprintf("%s-%06d.tar", part, n)
		shown, read := screen.NewProgress(stderr, true), 0
		err := weights.WriteFile(filepath.Join(dir, name), func(w io.Writer) error {
			return data.WriteShard(w, cancellable{s, ctx, func() {
				read++
				shown.Show(read, len(of), screen.Named(name))
			}}, shape, of)
		})
		shown.Clear()
		if ctx.Err() != nil {
			return fmt.Errorf("data: stopped in %s: %w", name, ctx.Err())
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(stderr, "%s: %d samples\n", name, len(of))
	}
	return nil
}

// cancellable is samples that cannot be read after the end of a context.
type cancellable struct {
	data.Samples
	ctx context.Context
	did func() // is called before each
}

func (c cancellable) Read(i int, x []float32) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	c.did()
	return c.Samples.Read(i, x)
}

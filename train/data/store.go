package data

import (
	"os"
	"sync"
	"sync/atomic"
)

// store keeps prepared pictures as bytes, so that each is unpacked once. It is safe for
// concurrent use; a nil one is empty and stays so.
type store struct {
	size  int             // values of a picture
	state []atomic.Uint32 // of each picture: absent, being kept, kept or unfit
	bytes []byte          // of all pictures, or
	file  *os.File        // the same on the disk
}

const (
	absent uint32 = iota
	beingKept
	kept
	unfit // its values are not bytes by 255
)

var keptBytes = sync.Pool{New: func() any { return new([]byte) }}

// get writes a picture that is kept to x.
func (s *store) get(i int, x []float32) bool {
	if s == nil || s.state[i].Load() != kept {
		return false
	}
	if s.file == nil {
		fromBytes(x, s.bytes[i*s.size:][:s.size])
		return true
	}
	buf := keptBytes.Get().(*[]byte)
	defer keptBytes.Put(buf)
	b := sizedBytes(buf, s.size)
	if _, err := s.file.ReadAt(b, int64(i)*int64(s.size)); err != nil {
		return false // it is unpacked again
	}
	fromBytes(x, b)
	return true
}

// put keeps a picture, if nobody else does.
func (s *store) put(i int, x []float32) {
	if s == nil || !s.state[i].CompareAndSwap(absent, beingKept) {
		return
	}
	if s.file == nil {
		s.state[i].Store(toBytes(s.bytes[i*s.size:][:s.size], x))
		return
	}
	buf := keptBytes.Get().(*[]byte)
	defer keptBytes.Put(buf)
	b := sizedBytes(buf, s.size)
	state := toBytes(b, x)
	if _, err := s.file.WriteAt(b, int64(i)*int64(s.size)); err != nil {
		state = unfit // a full disk
	}
	s.state[i].Store(state)
}

func sizedBytes(b *[]byte, n int) []byte {
	if cap(*b) < n {
		*b = make([]byte, n)
	}
	return (*b)[:n]
}

func fromBytes(x []float32, b []byte) {
	for k, v := range b {
		x[k] = unit[v]
	}
}

// toBytes writes values as bytes. They are unfit if that changes one.
func toBytes(b []byte, x []float32) uint32 {
	for k, v := range x {
		b[k] = byte(255*v + 0.5)
		if unit[b[k]] != v {
			return unfit
		}
	}
	return kept
}

// keeper hands out stores while there is room.
type keeper struct {
	size   int   // values of a picture
	memory int64 // bytes that are left
	dir    string
}

// mostSpilled bounds a temporary file: it must not fill a disk.
const mostSpilled = 16 << 30

// defaultMemory is the room for pictures where Options do not say.
const defaultMemory = 1 << 30

func (o Options) keeper(size int) *keeper {
	k := &keeper{size, o.Memory, o.Spill}
	if k.memory == 0 {
		k.memory = defaultMemory
	}
	return k
}

// store is a new one for n pictures, nil without room.
func (k *keeper) store(n int) *store {
	all := int64(n) * int64(k.size)
	s := &store{size: k.size, state: make([]atomic.Uint32, n)}
	switch {
	case k.memory < 0:
		return nil
	case all <= k.memory:
		k.memory -= all
		s.bytes = make([]byte, all)
		return s
	case k.dir == "" || all > mostSpilled:
		return nil
	}
	if os.MkdirAll(k.dir, 0o755) != nil {
		return nil
	}
	f, err := os.CreateTemp(k.dir, ".pictures-*.tmp")
	if err != nil {
		return nil
	}
	os.Remove(f.Name()) // it is gone with the process, where the system allows that
	s.file = f
	return s
}

package operator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// place is a folder with the files into which init writes what it shows once. They are made before the cluster is: one whose shares
// could not be kept anywhere would be lost, and so would another cluster whose shares were overwritten.
type place struct {
	dir   string
	files map[string]*os.File
}

// newPlace makes the files, for as many shares of each kind. A file that is there already is left alone and is an error.
func newPlace(dir string, recovery, unseal int) (*place, error) {
	dir, err := filepath.Abs(dir) // admin.env names the certificate in it, and is used from anywhere
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("nothing was founded: make a place for the shares: %w", err)
	}
	names := []string{"ca.pem", "admin.env"}
	for i := range recovery {
		names = append(names, shareFile("recovery", i))
	}
	for i := range unseal {
		names = append(names, shareFile("unseal", i))
	}
	p := &place{dir: dir, files: map[string]*os.File{}}
	for _, name := range names {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s is there already, and may be in use: name another folder", filepath.Join(dir, name))
		}
		if err != nil {
			p.close()
			return nil, fmt.Errorf("nothing was founded: make a place for the shares: %w", err)
		}
		p.files[name] = f
	}
	return p, nil
}

func shareFile(kind string, i int) string { return fmt.Sprintf("%s-%d", kind, i+1) }

// write fills one of the files, to the disk.
func (p *place) write(name, content string) error {
	f := p.files[name]
	if f == nil {
		return fmt.Errorf("there is no place for %s", name)
	}
	delete(p.files, name)
	_, err := f.WriteString(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// close takes away what was not written.
func (p *place) close() {
	for name, f := range p.files {
		_ = f.Close()
		_ = os.Remove(filepath.Join(p.dir, name))
	}
	p.files = nil
}

package sandbox

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mount gives the calling thread, and what it starts, a root file system of its
// own. dir is the sandbox's.
func (l Layout) mount(dir string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unsharing mounts: %w", err)
	}
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	base := filepath.Join(dir, "root")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return err
	}
	if err := mount("tmpfs", base, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	upper, work, root := filepath.Join(base, "upper"), filepath.Join(base, "work"), filepath.Join(base, "merged")
	folders := []string{work, root, upper + dir} // programs begin in dir
	for _, path := range l.Empty {
		folders = append(folders, upper+path)
	}
	for path := range l.Image.Links {
		folders = append(folders, upper+filepath.Dir(path))
	}
	for path := range l.Image.Scripts {
		folders = append(folders, upper+filepath.Dir(path))
	}
	for _, folder := range folders {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	for path, program := range l.Image.Links {
		if err := os.Symlink(program, upper+path); err != nil {
			return err
		}
	}
	for path, script := range l.Image.Scripts {
		if err := os.WriteFile(upper+path, []byte(script), 0o755); err != nil {
			return err
		}
	}
	if l.Resolver != "" {
		if err := os.MkdirAll(upper+"/etc", 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(upper+"/etc/resolv.conf", []byte(l.Resolver), 0o444); err != nil {
			return err
		}
	}
	err := mount("overlay", root, "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", upper, work))
	if err != nil {
		return err
	}
	for _, path := range []string{"/proc", "/sys", "/dev"} {
		if err := mount(path, root+path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
	}
	for _, path := range l.Empty {
		if err := mount("tmpfs", root+path, "tmpfs", 0, "mode=777"); err != nil {
			return err
		}
	}
	for path := range l.Files { // which may be below what is empty
		if err := os.MkdirAll(root+path, 0o755); err != nil {
			return err
		}
		if err := mount(volume(dir, path), root+path, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	if l.ReadOnly {
		if err := mount("", root, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return err
		}
	}
	if err := unix.Chroot(root); err != nil {
		return fmt.Errorf("entering %s: %w", root, err)
	}
	return unix.Chdir("/")
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", source, target, err)
	}
	return nil
}

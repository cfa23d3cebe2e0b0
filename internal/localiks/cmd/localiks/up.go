package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// up starts localiks in a process of its own and shows what that prints until
// it is ready.
func up(ctx context.Context, h home, args []string) error {
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	classic := flags.String("classic", "classic", "names of the classic clusters, by comma")
	vpc := flags.String("vpc", "vpc", "names of the VPC clusters, by comma")
	foreground := flags.Bool("foreground", false, "stay in the foreground")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if _, err := h.read(); err == nil {
		return errors.New("localiks is running already; `localiks status` shows it, `localiks down` ends it")
	}
	if err := os.RemoveAll(h.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	if *foreground {
		return serve(ctx, h, []string{*classic, *vpc})
	}
	return background(ctx, h, *classic, *vpc)
}

func clusters(classic, vpc string) []localiks.ClusterOptions {
	var all []localiks.ClusterOptions
	for _, kind := range []struct {
		names    string
		provider fakeiks.Provider
	}{{classic, fakeiks.Classic}, {vpc, fakeiks.VPC}} {
		for name := range strings.SplitSeq(kind.names, ",") {
			if name = strings.TrimSpace(name); name != "" {
				all = append(all, localiks.ClusterOptions{Cluster: localiks.SampleCluster(name, kind.provider)})
			}
		}
	}
	return all
}

// ready is the last line that the background process writes to its log.
const ready = "localiks is up"

func background(ctx context.Context, h home, classic, vpc string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(h.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	child := exec.CommandContext(context.WithoutCancel(ctx), program, "-dir", h.dir, "serve", classic, vpc)
	// A session of its own: it outlives the terminal, its clusters end with it.
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	child.Stdout, child.Stderr = out, out
	if err := child.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = child.Wait() // how it ended stands in its log
		close(ended)
	}()
	err = follow(ctx, h.logFile(), ended)
	if ctx.Err() != nil {
		_ = child.Process.Signal(syscall.SIGTERM)
	}
	return err
}

// follow copies the log to the terminal until localiks is up or has ended.
func follow(ctx context.Context, file string, ended <-chan struct{}) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewReader(in)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	over := false
	for {
		line, err := lines.ReadString('\n')
		fmt.Print(line)
		switch {
		case strings.HasPrefix(line, ready):
			return nil
		case err == nil:
			continue
		case !errors.Is(err, io.EOF):
			return err
		case over:
			return fmt.Errorf("localiks did not come up; its log is %s", file)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
			over = true
		case <-tick.C:
		}
	}
}

// serve runs localiks until ctx ends. names are those of the classic and those
// of the VPC clusters.
func serve(ctx context.Context, h home, names []string) error {
	if len(names) != 2 {
		return errors.New("serve takes the names of the classic and of the VPC clusters")
	}
	wanted := clusters(names[0], names[1])
	started := time.Now()
	environment, err := localiks.Start(ctx, localiks.Options{
		Clusters: wanted,
		Dir:      h.dir + "/clusters",
		Progress: func(step string, took time.Duration) {
			fmt.Printf("  %-48s %6.1f s\n", step, took.Seconds())
		},
	})
	if err != nil {
		return err
	}
	r := record{PID: os.Getpid(), Env: environment.Env(), IKS: environment.IKS.URL()}
	kubeconfig := clientcmdapi.NewConfig()
	for _, w := range wanted {
		c := environment.Cluster(w.Name)
		r.Clusters = append(r.Clusters, cluster{Name: c.Name, ID: c.ID})
		if err := addContext(kubeconfig, c); err != nil {
			return errors.Join(err, environment.Close())
		}
	}
	if err := errors.Join(clientcmd.WriteToFile(*kubeconfig, h.kubeconfig()), h.write(r)); err != nil {
		return errors.Join(err, environment.Close())
	}
	fmt.Printf("%s after %.1f s: eval \"$(go run ./internal/localiks/cmd/localiks env)\"\n", ready, time.Since(started).Seconds())
	<-ctx.Done()
	return errors.Join(environment.Close(), os.RemoveAll(h.dir))
}

// addContext adds a cluster's administrator as a context of the same name.
func addContext(all *clientcmdapi.Config, c *localiks.Cluster) error {
	one, err := clientcmd.Load(c.Kubeconfig())
	if err != nil {
		return fmt.Errorf("kubeconfig of cluster %s: %w", c.Name, err)
	}
	current := one.Contexts[one.CurrentContext]
	all.Clusters[c.Name] = one.Clusters[current.Cluster]
	all.AuthInfos[c.Name] = one.AuthInfos[current.AuthInfo]
	all.Contexts[c.Name] = &clientcmdapi.Context{Cluster: c.Name, AuthInfo: c.Name}
	if all.CurrentContext == "" {
		all.CurrentContext = c.Name
	}
	return nil
}

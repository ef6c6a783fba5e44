package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/moetop/moetop/exporter"
)

// defaultListen is reached from this machine alone.
const defaultListen = "127.0.0.1:9709"

// servedFlags are the flags of the root command that say what runs, and how: serve has them, too.
func servedFlags() []string {
	return []string{
		"es", "es-schedule", "ab", "warmup", "interval", "model", "experts", "top-k", "hidden", "intermediate", "tp", "ep",
		"tokens", "routing", "seed", "engine", "library", "device", "kernels", "timer", "es-launch", "debug-log",
		"config-json", "duty",
	}
}

func (a *app) serveCommand() *cobra.Command {
	o := defaultOptions()
	address := defaultListen
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the layer and serve its figures as Prometheus metrics",
		Long: `serve runs the layer until it is interrupted and serves what it measures to Prometheus on /metrics, and
its own state on /healthz. A worker that dies is started again. Nothing can be changed over HTTP.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			return a.runServe(cmd.Context(), o, address)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(parsedValue{&address, "HOST:PORT", checkListen}, "listen", "where to serve; name a host that is not loopback to be reached from elsewhere")
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.register(all)
	all.VisitAll(func(f *pflag.Flag) {
		if slices.Contains(servedFlags(), f.Name) {
			flags.AddFlag(f)
		}
	})
	return cmd
}

// checkListen wants the host to be named: an empty one is the whole network, which nobody should get
// by leaving something out.
func checkListen(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return errors.New("HOST:PORT is allowed, such as " + defaultListen + ", or 0.0.0.0:9709 for every address of IPv4")
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return errors.New("a port from 0 to 65535 is allowed; 0 takes one that is free")
	}
	return nil
}

// listen takes an address. One of IPv4 stays one of IPv4: Go would take 0.0.0.0 for every address of
// IPv6, too.
func listen(ctx context.Context, address string) (net.Listener, error) {
	network := "tcp"
	if at, err := netip.ParseAddrPort(address); err == nil && at.Addr().Is4() {
		network = "tcp4"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	return listener, nil
}

// runServe serves until a signal. The address is taken before the GPU is.
func (a *app) runServe(ctx context.Context, o *options, address string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := watchInterrupts()
	defer signals.stop()
	log, err := openDebugLog(o.debug)
	if err != nil {
		return err
	}
	defer log.close()
	metrics, err := exporter.New(version, a.say)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, address)
	if err != nil {
		return err
	}
	f, err := a.startFront(ctx, o, "serve", log.writer(), nil)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	a.tellListening(listener.Addr())

	ended := make(chan error, 2)
	go func() { ended <- metrics.Serve(ctx, listener) }()
	go func() { ended <- metrics.Run(ctx, f) }()
	select {
	case <-signals.first:
	case err = <-ended:
		ended <- nil // in its own place, so that both ends are awaited below
	}
	cancel()
	err = errors.Join(err, <-ended, <-ended, f.Close())
	if permanent, ok := errors.AsType[*exporter.PermanentError](err); ok {
		return &codeError{permanent.ExitCode, permanent}
	}
	return signals.outcome(err)
}

func (a *app) say(text string) { _, _ = fmt.Fprintf(a.stderr, "%s: %s\n", a.program, text) }

// tellListening names the address that was taken, and who can reach it if that is not this machine
// alone.
func (a *app) tellListening(addr net.Addr) {
	a.say(fmt.Sprintf("serving metrics on http://%s/metrics", addr))
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		a.say(fmt.Sprintf("%s is not loopback: whoever reaches it can read the metrics", addr))
	}
}

#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# kvm-compare.pl names LISTS ARCH TREE: print what KVM of the kernel source in TREE calls
# in the places that LISTS/ARCH names, a name and the places a line.
# kvm-compare.pl check LISTS ARCH SOURCES [--whole] NAMES...: hold what it printed, one
# file for each kernel, against the list's decisions, and print what does not agree.
# --whole: no kernel is left out, so that a name that none has can be told of.
# What a list holds, kvm-compare.sh says.
#
# No compiler is needed: C is cut into words; a function is a name, parentheses and braces.
# Of what is compiled one way or the other, both are read. A name is a function or macro
# that is called, an instruction, or a constant that tells what it is about: a feature, a
# bug, a register. A call of what is defined in the same files is followed instead, unless
# the list decides on it.

use strict;
use warnings;

my ($mode, $lists, $arch, $tree, @files) = @ARGV;
my (@roots, %decided, %followed, @defs, %def, %names);

# Words of C that stand before parentheses.
my %keyword = map { $_ => 1 } qw(if while for switch return sizeof do else case defined typeof
	__typeof__ _Static_assert static_assert BUILD_BUG_ON BUILD_BUG_ON_MSG BUILD_BUG
	__attribute__ __aligned noinline asm volatile likely unlikely READ_ONCE WRITE_ONCE
	ARRAY_SIZE container_of BIT BIT_ULL GENMASK GENMASK_ULL min max
	WARN_ON WARN_ON_ONCE KVM_BUG_ON WARN_ONCE KVM_BUG va_start va_end offsetof);

# Constants that say what an access or a condition is about.
my $constant = qr/^(?:X86_FEATURE|X86_BUG|ARM64|RISCV_ISA_EXT|CSR|MSR|SYS)_\w+$/;

# Functions whose first, or last, argument is what they are about.
my $first = qr/^(?:read_sysreg\w*|static_branch_\w+|(?:raw_|__)?this_cpu_\w+|per_cpu(?:_ptr)?
	|__tlbi\w*|dsb|dmb|vmcs_write\w*|vmcs_read\w*|vmcs_set_bits|static_call\w*|kvm_x86_call
	|sysreg_clear_set\w*|alternative_has_cap_\w+|__vmwrite|__vmread)$/x;
my $last = qr/^write_sysreg(?:_s|_el\d+)?$/;

# Instructions that any code has.
my %plain = map { $_ => 1 } qw(
	mov movq movl push pop lea add sub and or xor test cmp bt btr bts jmp je jne jz jnz jc jnc
	jbe jae jb ja js jns jle jg jl jge call ret inc dec shr shl shrd not neg cmov nop
	ldr str ldp stp b bl br blr cbz cbnz tbz tbnz adr adr_l adrp ldr_l bic orr eor lsl lsr ubfx
	bfi b.eq b.ne b.lo b.hi cset csel tst movz movk mvn
	la li lla beq bne beqz bnez j jr jal jalr ld sd lw sw mv addi andi REG_L REG_S slli srli
	blt bge);

sub read_file {
	my ($path) = @_;
	open(my $in, '<', $path) or return undef;
	local $/;
	my $text = <$in>;
	return $text;
}

sub read_list {
	my ($list) = @_;
	open(my $in, '<', "$lists/$list") or die "$lists/$list: $!\n";
	while (<$in>) {
		next if /^\s*(#|$)/;
		my ($first, @rest) = split;
		if ($first =~ /^[\@=]$/) {
			my $file = shift @rest;
			push @roots, { glob => $file, functions => [@rest], follow => $first eq '@' };
		} else {
			my ($verdict, @why) = @rest;
			$decided{$first} = { list => "$list:$.", verdict => $verdict // '', why => [@why] };
		}
	}
}

# The decision on a name, if there is one; it counts as met.
sub decision {
	my ($name) = @_;
	my ($found) = grep { exists $decided{$_} } $name;
	if (!$found) {
		my @globs = grep { /\*$/ && index($name, substr($_, 0, -1)) == 0 } keys %decided;
		($found) = sort { length $b <=> length $a } @globs;
	}
	return undef if !$found;
	$decided{$found}{met} = 1;
	return $decided{$found};
}

sub without_comments {
	my ($text) = @_;
	$text =~ s{/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+'}
		  {my $m = $&; $m =~ m{^["']} ? '""' : ' '}gse;
	return $text;
}

# A definition: its name, file, and words.
sub define {
	my ($name, $file, @words) = @_;
	my $d = { name => $name, file => $file, words => [@words] };
	push @defs, $d;
	push @{$def{$name}}, $d if $followed{$file};
	return $d;
}

sub words_of { return $_[0] =~ /[A-Za-z_]\w*|\d\w*|->|&&|\S/g; }

# Take macros out as definitions; other lines of the preprocessor say nothing.
sub take_macros {
	my ($file, $text) = @_;
	$text =~ s/\\\n/ /g;
	while ($text =~ /^[ \t]*#[ \t]*define[ \t]+(\w+)\(([^)]*)\)(.*)$/mg) {
		my ($name, $parameters, $body) = ($1, $2, $3);
		define($name, $file, words_of($body))->{parameters} =
			{ map { $_ => 1 } $parameters =~ /\w+/g };
	}
	# Of two ways to compile it, both are read.
	$text =~ s/^[ \t]*#.*$//mg;
	return $text;
}

sub parse_c {
	my ($file, $text) = @_;
	my @w = words_of(take_macros($file, without_comments($text)));
	my ($depth, $start, $name, $parameters) = (0);
	for (my $i = 0; $i < @w; $i++) {
		if ($w[$i] eq '{') {
			if ($depth++ == 0) {
				$start = $i + 1;
				($name, $parameters) = function_before(\@w, $i);
			}
		} elsif ($w[$i] eq '}') {
			if (--$depth == 0 && defined $name) {
				define($name, $file, @w[$start .. $i - 1])->{parameters} =
					$parameters;
			}
		}
	}
	die "$file: braces do not match\n" if $depth;
}

# The word before the parentheses that end right before word $end, and those in them.
sub function_before {
	my ($w, $end) = @_;
	my ($depth, $i) = (0);
	return undef if $end < 3 || $w->[$end - 1] ne ')';
	for ($i = $end - 1; $i > 0; $i--) {
		$depth++ if $w->[$i] eq ')';
		$depth-- if $w->[$i] eq '(';
		last if !$depth;
	}
	return undef if $i < 1 || $w->[$i - 1] !~ /^[A-Za-z_]/;
	return ($w->[$i - 1], { map { $_ => 1 } grep { /^\w/ } @$w[$i .. $end - 1] });
}

# Each statement begins with a label, an instruction or a macro.
sub parse_asm {
	my ($file, $text) = @_;
	my @words;
	$text = without_comments($text);
	$text =~ s/\\\n/ /g;
	$text =~ s/^[ \t]*#.*$//mg;
	for my $line (split /[\n;]/, $text) {
		$line =~ s/^\s*(?:[\w.\\@]+:\s*)+//;
		next if $line !~ /^\s*([A-Za-z_][\w.]*)/;
		my $insn = $1;
		push @words, $insn, '(' if !$plain{$insn} && !$plain{$insn =~ s/[lqb]$//r};
		push @words, $line =~ /\b[A-Z][A-Z0-9]+_\w+\b/g;
		push @words, 'sysreg:' . lc $1 =~ s/^SYS_//ir if $line =~ /\bm[rs][rs](?:_s)?\s+.*?(\w+_el\w+)/i;
		push @words, $1, '(' while $line =~ /\b(?:call|bl|tail|jmp|b)\s+(\w+)/g;
	}
	define("($file)", $file, @words);
}

sub note_name {
	my ($name, $d) = @_;
	my $file = $d->{file} =~ s#^arch/\w+/kvm/##r;
	my $where = $d->{name} =~ /^\(/ ? $file : "$file:$d->{name}";
	$names{$name}{$where} = 1;
}

# What stands at word $i, which calls something.
sub call_at {
	my ($d, $i) = @_;
	my $w = $d->{words};
	my $name = $w->[$i];
	my ($depth, @arg, @args) = (0);
	return $name if $name !~ $first && $name !~ $last;
	for (my $j = $i + 1; $j < @$w; $j++) {
		$depth++ if $w->[$j] eq '(';
		if ($w->[$j] eq ')' && !--$depth || $depth == 1 && $w->[$j] eq ',') {
			push @args, join('', @arg);
			@arg = ();
			last if !$depth;
		} elsif ($depth > 1 || $w->[$j] ne '(') {
			push @arg, $w->[$j];
		}
	}
	my $arg = $name =~ $last ? $args[-1] : $args[0];
	# Not what is reached by a pointer; of an array its name, of a register all.
	return $name if !defined $arg || $arg !~ /^&?([A-Za-z_]\w*)(?!\w|->)(.*)/s ||
			$2 && $name =~ /sysreg/;
	$arg = $1;
	return $name if $d->{parameters}{$arg} || $arg eq 'SYS_';
	return "kvm_x86_ops." . $arg =~ s/^kvm_x86_//r if $name =~ /^static_call|^kvm_x86_call/;
	my $level = $name =~ /sysreg\w*(_el\d+)$/ ? $1 : '';
	return "sysreg:" . (lc($arg) =~ s/^sys_//r) . $level if $name =~ /sysreg/;
	return $arg if $name =~ /^static_branch|this_cpu|^per_cpu|^alternative_has/;
	return "vmcs:$arg" if $name =~ /^vmcs|^__vm/;
	return "$name($arg)";
}

sub follow {
	my ($d) = @_;
	return if $d->{seen}++;
	my @w = @{$d->{words}};
	my @within;
	for (my $i = 0; $i < @w; $i++) {
		my $word = $w[$i];
		push @within, $i ? $w[$i - 1] : '' if $word eq '(';
		pop @within if $word eq ')';
		next if $word !~ /^[A-Za-z_]/ || $d->{parameters}{$word};
		if ($word =~ $constant || $word =~ /^sysreg:/) {
			# An accessor for one level has its name from there.
			note_name($word =~ s/^SYS_(\w+)/sysreg:\L$1/r, $d)
				if $word !~ /^SYS_/ || !grep { /_el\d+$/ } @within;
			next;
		}
		next if $i + 1 >= @w || $w[$i + 1] ne '(' || $keyword{$word};
		next if $i && ($w[$i - 1] eq '->' || $w[$i - 1] eq '.');
		my $name = call_at($d, $i);
		if ($name eq $word && $def{$name} && !$decided{$name}) {
			follow($_) for @{$def{$name}};
		} else {
			note_name($name, $d);
		}
	}
}

sub files_of {
	my ($root) = @_;
	return map { substr($_, length($tree) + 1) } glob("$tree/$root->{glob}");
}

# Read all files before anything is followed.
sub read_files {
	my %read;
	for my $root (@roots) {
		for my $file (files_of($root)) {
			next if $read{$file}++;
			$followed{$file} = $root->{follow};
			my $text = read_file("$tree/$file") // next;
			if ($file =~ /\.S$/) { parse_asm($file, $text); } else { parse_c($file, $text); }
		}
	}
}

# What a kernel has not, or has elsewhere now, wants a decision, too.
sub follow_root {
	my ($root) = @_;
	my %in = map { $_ => 1 } files_of($root);
	my @patterns = @{$root->{functions}};
	@patterns = ('\(.*') if $root->{glob} =~ /\.S$/;
	for my $pattern (@patterns) {
		my @found = grep { $in{$_->{file}} && $_->{name} =~ /^(?:$pattern)$/ } @defs;
		follow($_) for @found;
		my $file = $root->{glob} =~ s#^arch/\w+/kvm/##r;
		$names{"nothing:$file:$pattern"}{'no such function'} = 1 if !@found;
	}
}

sub print_names {
	read_files();
	follow_root($_) for @roots;
	for my $name (sort keys %names) {
		print "$name\t", join(' ', sort keys %{$names{$name}}), "\n";
	}
}

# What is wrong with a decision itself.
sub wrong {
	my ($name, $d) = @_;
	my ($file, $word) = split /:/, $d->{why}[0] // '', 2;
	return 'says nothing' if !@{$d->{why}};
	return 'is none of done, not, refused, missing'
		if $d->{verdict} !~ /^(?:done|not|refused|missing)$/;
	return '"*" is not for what is done' if $name =~ /\*/ && $d->{verdict} =~ /done|missing/;
	return undef if $d->{verdict} ne 'done';
	my $text = read_file("$tree/$file") // return "there is no $file";
	return defined $word && index($text, $word) < 0 ? "$file does not have $word" : undef;
}

sub check {
	my $whole = @files && $files[0] eq '--whole' && shift @files;
	my %undecided;
	for my $file (@files) {
		my $kernel = $file =~ s#.*/##r;
		for (split /\n/, read_file($file)) {
			my ($name, $places) = split /\t/;
			my ($place, @more) = split / /, $places;
			push @{$undecided{$name}}, "$kernel $place" . (@more ? ' ...' : '') if !decision($name);
		}
	}
	print "kvm-compare/$arch: nothing is decided about $_ (", join('; ', @{$undecided{$_}}), ")\n"
		for sort keys %undecided;
	for my $name (sort keys %decided) {
		my $d = $decided{$name};
		my $wrong = wrong($name, $d);
		print "kvm-compare/$d->{list}: $name: $wrong\n" if $wrong;
		print STDERR "kvm-compare/$d->{list}: missing: $name: @{$d->{why}}\n" if $d->{verdict} eq 'missing';
		print STDERR "kvm-compare/$d->{list}: no kernel has $name\n"
			if $whole && !$d->{met} && $d->{list} !~ /^any:/;
	}
}

read_list('any');
read_list($arch);
if ($mode eq 'names') { print_names(); } else { check(); }

# Compares `A<TAB>B` lines as RubyGems does: -1, 0, 1, or ? for what it refuses.
STDIN.each_line(chomp: true) do |line|
  a, b = line.split("\t", -1)
  puts [a, b].all? { |v| Gem::Version.correct?(v) } ? Gem::Version.new(a) <=> Gem::Version.new(b) : "?"
end

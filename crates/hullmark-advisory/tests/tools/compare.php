<?php
// Compares `A<TAB>B` lines as Composer does: -1, 0, 1, or ? for what it refuses or does not order (branches).
require 'Composer/Semver/autoload.php';

$parser = new Composer\Semver\VersionParser();
while (($line = fgets(STDIN)) !== false) {
    try {
        [$a, $b] = array_map([$parser, 'normalize'], explode("\t", rtrim($line, "\n")));
        $orders = array_filter(
            [-1 => '<', 0 => '==', 1 => '>'],
            fn ($operator) => Composer\Semver\Comparator::compare($a, $operator, $b)
        );
        $branch = str_starts_with($a, 'dev-') || str_starts_with($b, 'dev-');
        echo $branch || !$orders ? '?' : array_key_first($orders), "\n";
    } catch (UnexpectedValueException) {
        echo "?\n";
    }
}

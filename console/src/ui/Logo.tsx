export function Logo({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#3e54c9" />
      <circle
        cx="16"
        cy="16"
        r="8.5"
        fill="none"
        stroke="#fff"
        strokeWidth="2.5"
        strokeOpacity=".55"
      />
      <circle cx="16" cy="16" r="3.5" fill="#fff" />
    </svg>
  );
}
